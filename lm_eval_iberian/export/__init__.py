"""What the hosts can take over of this project, written for their own trees."""

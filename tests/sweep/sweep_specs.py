"""A sweep's specification, for tests to change."""

GOOD = """\
models:
  base: org/base
  instruct: org/instruct
  experts: {eu: org/eu, gl: org/gl}
methods:
  - method: task_arithmetic
    weight: 0.5..1 step 0.5
  - method: linear
    experts: all
suites:
  ifeval:
    tasks: {eu: [iberian_ifeval_eu_mini], gl: [iberian_ifeval_gl_mini]}
    apply_chat_template: true
  english:
    tasks: {all: [iberian_ifeval_en_mini]}
"""

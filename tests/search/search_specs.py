"""A search's specification, for tests to change."""

GOOD = """\
models:
  base: org/base
  instruct: org/instruct
  experts: {eu: org/eu, gl: org/gl}
methods:
  - method: task_arithmetic
    weight: {eu: 0..1.5, gl: 0..1 step 0.25}
  - method: fused_dare_linear
    weight: 0..1
    density: [0.2, 0.5]
    seed: 3
suites:
  language:
    tasks: {eu: [iberian_perplexity_eu_mini], gl: [iberian_perplexity_gl_mini]}
  instructions:
    tasks: {all: [iberian_ifeval_eu_mini]}
    apply_chat_template: true
search:
  seed: 7
  delta: 3
"""
ALONE = GOOD.replace(", gl: org/gl", "").replace(", gl: 0..1 step 0.25", "")
ALONE = ALONE.replace(", gl: [iberian_perplexity_gl_mini]", "")

"""What a page may hold, as bits of one byte: what is not marked (`marks`) need not be looked for."""

PRE = 1  # <pre
CODE = 2  # <code
MATH = 4  # <math, x:math, mwe-math, data-math, math/, mathtex
MATHJAX = 8
TEX = 16  # katex, latex
IMAGE = 32  # a class, alternative text or address that images of formulas have
TIME = 64  # <time
STATED = 128  # datePublished, license
ALL = 255

"""Does the product keep its promises when it's killed, starved, attacked, or given rubbish?

A module a promise: its docstring's first line is the promise, `FULL` and `SHORT` are how many times
it is tried, and `tries` yields what was tried, with the fault that came of it.
"""

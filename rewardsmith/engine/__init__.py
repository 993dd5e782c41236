"""The engine: fold, plan, carry out, record, until there is nothing more to do.

loop       the loop of a run
asking     a Write order -> a reply, bought once
checking   a reply -> a program and its verdict
screening  Screen orders -> results on recorded episodes
auditing   Audit orders -> results on recorded episodes
training   Train orders -> trials, each run once
gate       what the budget still allows
closing    the comparison at the end of every run
observer   notifies the user while a run goes on
workers    executors and the processes of calls
"""

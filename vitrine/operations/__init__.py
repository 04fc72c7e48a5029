"""Running the stages: Airflow's tasks and servers, the demo, status, backfills, the machine.

Nothing here computes a figure of the shop; it starts the commands that do, and reads their traces.
"""

"""What every stage shares: settings, paths, intervals, contracts, publishing, sources, simulator.

Nothing here imports a stage (`spark_jobs`, `expectations`, `training`, `email_lists`).
"""

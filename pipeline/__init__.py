"""What a run is: sources, stages, rules, plan, run, store, manifest, command line."""

"""What a loaded model of each kind does: one module per `kind` of model.yaml, see classifiers/scorer.py."""

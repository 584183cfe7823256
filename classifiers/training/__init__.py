"""Training of classifiers: `winnow train`."""

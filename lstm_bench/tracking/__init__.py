"""MLflow as a mirror of the records: one flat run a member. The only room that imports mlflow."""

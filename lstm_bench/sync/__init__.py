"""Bring MLflow level with the records of studies, whatever became of MLflow while they ran."""

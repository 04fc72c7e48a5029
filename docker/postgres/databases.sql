-- Beside POSTGRES_DB (Airflow's), which the image makes itself.
create database mlflow;

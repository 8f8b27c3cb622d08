# Whoever can log in can fill the queue through the test views, so they are off until asked for.
TEST_TASK_INGESTION = False

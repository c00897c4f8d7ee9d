"""The test files that `make test-fast` leaves out: whole studies, servers, browsers, many processes or figures."""

# seconds of processor time, about; a file of more than 8 belongs here
SLOW_FILES = {
    "test_every_yaml": 110,
    "test_study_faults": 90,
    "test_output_faults": 60,
}

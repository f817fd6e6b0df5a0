from runtime import aws


def test_a_client_can_wait_less_and_repeat_nothing() -> None:
    usual = aws.client("connect").meta.config
    assert (usual.connect_timeout, usual.read_timeout, usual.retries["total_max_attempts"]) == (1, 4, 2)
    assert aws.client("dynamodb").meta.config.read_timeout == 2
    other = aws.client("ssm", read_timeout=1, repeats=False).meta.config
    assert (other.read_timeout, other.retries["total_max_attempts"]) == (1, 1)

"""What the installation says of its log to whoever asks."""

from tests.api.test_public_log import head


async def test_status_and_metrics_say_how_the_log_stands(world):
    await world.approved()
    found = await head(world)
    log = (await world.http.get("/status")).json()["log"]
    assert (log["state"], log["why"], log["origin"]) == ("ok", "", found.origin)
    assert log["size"] >= log["signed"] >= found.size
    assert 0 <= log["head_age"] < 60
    gauges = dict(
        line.split(" ") for line in (await world.http.get("/metrics")).text.splitlines() if not line.startswith("#")
    )
    assert int(gauges["cosignet_log_size"]) >= int(gauges["cosignet_log_signed_size"]) >= found.size
    assert gauges["cosignet_log_read_only"] == "0"
    assert {"cosignet_log_head_age_seconds", "cosignet_log_waiting"} < gauges.keys()


async def test_a_log_that_nobody_signs_is_silent(world):
    world.later(minutes=5)
    assert (await world.http.get("/status")).json()["log"]["state"] == "silent"

"""The log's administration, as an operator types it."""

import pytest

from cosignet.core.log_keys import LogKey
from store.database import Database
from store.log import get_tree
from tests.admin.commands import PUBLIC_URL, Admin
from tests.publishing import publisher_of


@pytest.fixture
async def founded(empty_url, tmp_path):
    """An installation whose log has been signed once, and whose worker stands still."""
    database = Database(empty_url)
    await database.migrate()
    publisher = publisher_of(database, tmp_path)
    await publisher.begin()
    await publisher.step()
    settings = {"COSIGNET_DATABASE_URL": empty_url, "COSIGNET_PUBLIC_URL": PUBLIC_URL}
    files = {"COSIGNET_LOG_KEY_FILE": f"{tmp_path}/log.key", "COSIGNET_LOG_MARK_FILE": f"{tmp_path}/log.mark"}
    yield Admin({**settings, **files}), publisher, database
    await database.close()


async def test_keys_are_rotated_in_two_steps(founded):
    admin, publisher, _ = founded
    both = (await admin("rotate-log-key"))["keys"]
    assert len({LogKey.parse(key) for key in both}) == 4
    await publisher.step()
    assert await admin.refusal("rotate-log-key") == "log.rotation"
    assert (await admin("rotate-log-key", "--finish"))["keys"] == both[2:]
    assert await admin.refusal("rotate-log-key", "--finish") == "log.rotation"
    await publisher.step()


async def test_a_log_goes_on_under_another_name(founded):
    admin, publisher, database = founded
    answer = await admin("continue-log", "localhost:8420/public/log/2")
    assert {LogKey.parse(key).name for key in answer["keys"]} == {answer["origin"]} == {"localhost:8420/public/log/2"}
    await publisher.step()
    async with database.read() as tx:
        tree = await get_tree(tx)
    assert (tree.origin, tree.size, tree.read_only) == ("localhost:8420/public/log/2", 3, "")
    assert await admin.refusal("continue-log", "localhost:8420/public/log/2") == "log.origin"
    assert await admin.refusal("continue-log", "no name") == "log.origin"


async def test_a_folder_that_is_no_copy_restores_nothing(founded, tmp_path):
    admin, _, _ = founded
    assert await admin.refusal("restore-log", str(tmp_path / "nothing")) == "log.mirror"


async def test_what_needs_a_log_says_so_before_there_is_one(fresh_admin, tmp_path):
    files = {"COSIGNET_LOG_KEY_FILE": f"{tmp_path}/log.key", "COSIGNET_LOG_MARK_FILE": f"{tmp_path}/log.mark"}
    for command in (("rotate-log-key",), ("continue-log", "x/2"), ("restore-log", str(tmp_path))):
        assert await fresh_admin.refusal(*command, **files) == "log.unfounded", command

"""What a study on a Ray cluster of two nodes survives: a worker that dies, and a node."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ray_cluster_of_two import RayCluster
from small_study import LONG, REPOSITORY, Study, overhead_s, results_hash, studying, timed
from two_hosts import TwoHosts, are_allowed

pytestmark = pytest.mark.engines
CLUSTER = ["hydra/launcher=ray", f"hydra.launcher.address={RayCluster.address}", "safety.checkpoint_s=1"]


@pytest.fixture(scope="module")
def hosts() -> Iterator[TwoHosts]:
    pytest.importorskip("ray")
    if not are_allowed():
        pytest.skip("needs root and iproute2, for network namespaces")
    two = TwoHosts()
    two.make()
    yield two
    two.remove()


@pytest.fixture(scope="module")
def cluster(hosts: TwoHosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    two_nodes = RayCluster(tmp_path_factory.mktemp("ray"), hosts, path)
    try:
        two_nodes.start()
        yield two_nodes
    finally:
        two_nodes.stop()


@pytest.fixture
def study(cluster: RayCluster, hosts: TwoHosts, tmp_path: Path) -> Iterator[Study]:
    """A study that has begun to train on the second node."""
    where = hosts.on(TwoHosts.first)
    with studying(tmp_path, *LONG, *CLUSTER, environment=cluster.environment, prefix=where) as running:
        running.wait_for_step(2000)
        yield running


def expect_its_end(study: Study, undisturbed: str, fault: str, add_row: Callable[..., None]) -> None:
    exit_code, wall = timed(study)
    assert exit_code == 0, study.said
    assert [line["step"] > 0 for line in study.events("taken_up")] == [True]
    assert results_hash(study.records) == undisturbed
    add_row("Ray, 2 nodes", 1, wall, overhead_s(study, 1), fault, True)


def test_a_worker_that_is_killed(
    study: Study, cluster: RayCluster, undisturbed: str, add_row: Callable[..., None]
) -> None:
    cluster.kill_worker()
    expect_its_end(study, undisturbed, "worker killed", add_row)


def test_a_node_that_is_lost_and_replaced(
    study: Study, cluster: RayCluster, undisturbed: str, add_row: Callable[..., None]
) -> None:
    cluster.kill_node()
    cluster.start_node()
    expect_its_end(study, undisturbed, "node killed, another one joins", add_row)

"""x"""
from tests.serving import Served
async def test_a(http: Served):
    """x"""
    r = await http.run("echo hi; echo $CYBER_DOJO_ID; exit 1")
    print(r)
    assert r["outcome"]=="red"
async def test_b(http: Served):
    """x"""
    r = await http.run("sleep 10", max_seconds=1)
    assert r["outcome"]=="timed_out"

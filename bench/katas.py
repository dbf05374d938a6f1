"""What is run."""

from runner.kata import Kata

IMAGE = "dojo-runner/python-pytest:latest"

_PYTEST = {
    "hiker.py": "def answer():\n    return 6 * 7\n",
    "test_hiker.py": "from hiker import answer\n\ndef test_answer():\n    assert answer() == 42\n",
    "tennis.py": 'def score(a, b):\n    return f"{a}-{b}"\n',
    "test_tennis.py": "from tennis import score\n\ndef test_score():\n    assert score(0, 0)\n",
    "readme.txt": "What is six times seven?\n" * 40,
    "cyber-dojo.sh": "python3 -B -m pytest -p no:cacheprovider\n",
}

KATAS = {
    "true": Kata("bench", IMAGE, 10, {"cyber-dojo.sh": "true\n"}),
    "pytest, 6 files": Kata("bench", IMAGE, 10, _PYTEST),
}

# Prints the modules among its arguments that are not installed, without importing them.
import importlib.util
import sys

sys.path.insert(0, "")
for name in sys.argv[1:]:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None:
        print(name)

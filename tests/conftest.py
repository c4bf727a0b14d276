"""What holds for every test."""

import os

# As the command line sets it, and before scikit-learn is imported: two threads would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

"""The policy that ships with the project, for tests of what it decides."""

from tasks.config import Settings
from tasks.governance.adopted_policy import read_policy

ADOPTED = read_policy(Settings().policy)
POLICY = ADOPTED.policy

"""What the model earns and costs: losses, approvals, profit over the cut-off, swap sets, missing sources."""

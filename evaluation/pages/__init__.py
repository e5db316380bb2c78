"""HTML pages of measurements: elements, a policy, one style; loads and runs nothing."""

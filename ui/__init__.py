"""What people see: the `footage` command and the app, both thin."""

"""What all tests may use of pytest itself: `pytester` runs the plugin's own sessions."""

pytest_plugins = ["pytester"]

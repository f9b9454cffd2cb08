"""The pytest plugin: suites as test items. Imports nothing heavy in a project without suites."""

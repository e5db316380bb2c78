"""The Model Context Protocol (MCP): tools for agents, over standard input and output or over HTTP.

Each tool is an operation of the service. Its answer holds the operation's records and says what was searched.
"""

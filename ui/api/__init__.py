"""The HTTP API and MCP: each request becomes an operation of the service; knows no index or model."""

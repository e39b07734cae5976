"""The answers' shapes: what OpenAPI promises, and what routes make of a report."""

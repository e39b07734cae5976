"""The models of responses, built from reports and published in the OpenAPI document."""

"""The lab: what of it needs no namespace, no container and no root."""

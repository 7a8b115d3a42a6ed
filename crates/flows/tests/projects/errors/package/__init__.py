from .inner import nested_flow

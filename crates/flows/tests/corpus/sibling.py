from pydantic import BaseModel

helper_value = 42


class Same(BaseModel):
    n: int = helper_value

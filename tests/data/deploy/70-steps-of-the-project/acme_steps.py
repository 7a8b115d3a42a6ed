def measure(width, height):
    return {"area": width * height, "sides": {"width": width, "height": height}}


async def later(text):
    return {"said": text}


def nothing():
    print("nothing to give")


def fails():
    raise RuntimeError("out of paint")

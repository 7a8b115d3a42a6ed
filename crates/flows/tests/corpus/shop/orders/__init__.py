from .models import Line, Order

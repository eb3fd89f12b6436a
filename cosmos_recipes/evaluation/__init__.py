"""What a world model is worth: frame metrics, adherence to its control, the gate, and the report that shows them."""

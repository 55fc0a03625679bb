"""The inputs of a render: policies, the platform, images and names."""

"""What a GPU does with the models: whether it is right, how fast it is, what fits.

See docs/explanation/performance.md.

python -m tests.benchmarks.gpu              # ten minutes at most
python -m tests.benchmarks.gpu --tiny       # a small shape, on a CPU as well, to see that it runs

Needs torch, torchvision, transformers, safetensors and pytest, and this repository, of which nothing has to
be installed. Each part is a process of its own, so that none can take another with it.
"""

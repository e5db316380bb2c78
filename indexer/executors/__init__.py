"""Where the decoding and captioning of an index run happens: in this process, or on a Ray cluster."""

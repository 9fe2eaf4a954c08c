"""The run on disk: schema, writer, reader. The writer needs the standard library alone."""

"""What the DNS source is made of; none of it but :mod:`dockernet.sources.dns` knows dnspython."""

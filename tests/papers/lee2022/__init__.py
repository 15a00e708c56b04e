"""Tests of lee2022; a package, so that its files may have the names of its topics."""

"""Engines that write text, behind one protocol."""

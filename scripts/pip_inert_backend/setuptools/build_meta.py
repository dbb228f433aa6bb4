"""A build backend (PEP 517) that runs nothing of the package.

`pip download` asks the backend of a source package for its name and version. This one answers
with the package's own PKG-INFO file. scripts/fetch-demo puts the folder above on PYTHONPATH, so
the demo's data arrives without executing a line of the package it is packed in.
"""

import email
import os
import shutil


class _LegacyBackend:
    """What pip calls for a package without pyproject.toml."""

    @staticmethod
    def get_requires_for_build_wheel(config_settings=None):
        return []

    @staticmethod
    def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
        with open("PKG-INFO", encoding="utf-8") as file:
            package = email.message_from_file(file)
        name = f"{package['Name']}-{package['Version']}.dist-info"
        os.makedirs(os.path.join(metadata_directory, name))
        shutil.copyfile("PKG-INFO", os.path.join(metadata_directory, name, "METADATA"))
        return name


__legacy__ = _LegacyBackend()

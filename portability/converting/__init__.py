"""An archive in forms that people without databases use.

``convert`` verifies the archive, writes a new folder under a temporary name, checks it and gives it its name. Every
folder has ``conversion.json``: what was written, what the form cannot hold in general, and what it did not hold of
this archive.
"""

from portability.converting.contract import Form, Report
from portability.converting.conversion import LAYERS, Conversion, Request, convert
from portability.converting.forms import FORMS

__all__ = ["FORMS", "LAYERS", "Conversion", "Form", "Report", "Request", "convert"]

"""What the project is made of: bills of materials, licences, and that no secret lies in the sources."""

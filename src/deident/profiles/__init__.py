"""What should happen to every instance, as data: profiles, their files and their language."""

"""Options of controllers, a module each; light."""

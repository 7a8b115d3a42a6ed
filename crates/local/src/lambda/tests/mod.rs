mod bootstrap;
mod mapping;

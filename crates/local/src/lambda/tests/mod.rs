mod bootstrap;
mod concurrency;
mod mapping;
